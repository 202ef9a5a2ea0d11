"""What can be asked of backups, and which of them are kept."""
