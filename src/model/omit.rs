//! The values that lines omit because they are the default of their field.

/// Whether a flag is false.
pub(super) fn is_false(flag: &bool) -> bool {
    !flag
}

/// Whether a number is 0.
pub(super) fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Whether a share is 0.
pub(super) fn is_zero_share(share: &f64) -> bool {
    *share == 0.0
}
