"""What can be asked of promotions and staging runs, and what a request for one is read from."""
