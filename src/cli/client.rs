//! The way from a command to the running daemon: its Unix socket.
