"""What the logs say, made into sightings: events are recognised, stripped of their literals and folded."""
