//! How a personal value looks to those who may not see it.

/// `text` with all but the first `head` and the last `tail` characters starred; a text too short to hide anything
/// that way is starred whole. The length stays.
pub fn mask(text: &str, head: usize, tail: usize) -> String {
    let count = text.chars().count();
    let shown = |at: usize| count > head + tail && (at < head || at >= count - tail);
    text.chars().enumerate().map(|(at, c)| if shown(at) { c } else { '*' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_keeps_the_length_and_never_the_whole() {
        assert_eq!(mask("440100199001010014", 3, 2), "440*************14");
        assert_eq!(mask("王小明", 1, 0), "王**");
        assert_eq!(mask("王", 1, 0), "*");
        assert_eq!(mask("", 1, 0), "");
        assert_eq!(mask("AB", 1, 1), "**");
    }
}
