mod bracket;
mod limits;
mod merge;
mod support;
mod unknown;
