-- Migration: Subtitles for books
-- Date: 2026-11-01
-- Author: Ana

BEGIN;
ALTER TABLE books ADD COLUMN IF NOT EXISTS subtitle text;
COMMENT ON COLUMN books.subtitle IS 'Shown below the title; semicolons; are fine here';
COMMIT;
