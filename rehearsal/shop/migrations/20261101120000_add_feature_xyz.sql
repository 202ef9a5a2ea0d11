-- Migration: Add feature XYZ
-- Date: 2026-11-01
-- Author: Ana

-- Add new column
ALTER TABLE my_table ADD COLUMN new_column TEXT;

-- Create index
CREATE INDEX IF NOT EXISTS idx_my_table_new_column
  ON my_table(new_column);

-- Add RLS policy
CREATE POLICY new_policy ON my_table
  FOR SELECT
  USING (true);
