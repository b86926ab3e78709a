//! The peers that benches compare with, apart so that they slow nothing else down.
