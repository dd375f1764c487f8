//! The social security card: identify, authenticate, read the holder.
