-- Migration: Every book has a region
-- Date: 2026-11-01
-- Author: Ana

-- Staging's books all have a region. Some of production's, imported years ago, have none.
ALTER TABLE books ADD COLUMN IF NOT EXISTS region_checked_at timestamptz;
ALTER TABLE books ALTER COLUMN region SET NOT NULL;
