INSERT INTO books (title, region, sold)
SELECT 'Staging book ' || n, 'EU', n % 50 FROM generate_series(1, 200) AS n;
INSERT INTO my_table (name) SELECT 'row ' || n FROM generate_series(1, 50) AS n;
