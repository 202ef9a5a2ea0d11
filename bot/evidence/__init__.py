"""What is known of migrations before anyone judges them: files, histories, catalogs, reviews, proofs."""
