"""What can be asked of incidents, from opening to the report and what follows from it."""
