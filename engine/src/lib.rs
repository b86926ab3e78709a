//! The log, its one writer and everything that touches the world.
