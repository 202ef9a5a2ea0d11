-- Migration: The shop as it has always been
-- Date: 2026-10-20
-- Author: Ana

CREATE TABLE books (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  title text NOT NULL,
  region text,
  sold integer NOT NULL DEFAULT 0
);
ALTER TABLE books ENABLE ROW LEVEL SECURITY;
CREATE POLICY books_are_public ON books FOR SELECT TO anon, authenticated USING (true);

CREATE TABLE my_table (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL
);
ALTER TABLE my_table ENABLE ROW LEVEL SECURITY;
