mod bracket;
mod limits;
mod merge;
mod support;
mod table;
mod unknown;
