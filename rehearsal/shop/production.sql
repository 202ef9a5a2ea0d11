INSERT INTO books (title, region, sold)
SELECT 'Book ' || n, CASE WHEN n % 97 = 0 THEN NULL ELSE 'EU' END, n % 5000 FROM generate_series(1, 20000) AS n;
INSERT INTO my_table (name) SELECT 'row ' || n FROM generate_series(1, 5000) AS n;
