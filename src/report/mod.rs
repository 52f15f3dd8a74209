//! Markdown pages and pictures: a pure function of stored verdicts and evidence.
