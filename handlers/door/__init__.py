"""Where deliveries come in: HTTP and sockets, verified, stored and acknowledged; and the few pages we serve."""
