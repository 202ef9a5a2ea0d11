"""Where deliveries are worked off and answered."""
