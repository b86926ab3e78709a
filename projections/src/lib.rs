//! What happened and what it means: the event vocabulary, the folds and the decisions of ZoClone.
