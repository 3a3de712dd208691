"""`stopward up`: everything on one machine, one session, the deployed handlers."""
