"""What is told without being asked: on pull requests, on commits, once to the team, each morning."""
