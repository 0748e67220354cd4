//! A merchant's lists and reports.
