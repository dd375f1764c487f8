//! What is kept beside the queue, in a database of its own.
