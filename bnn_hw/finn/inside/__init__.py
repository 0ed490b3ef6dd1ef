"""What runs inside FINN's own environment, started by ``worker.py``; nothing else imports it."""
