//! What a step takes the least or the greatest of, as it is written: so that its record can name the one that was taken.

/// The arguments of `min(a, b)`, `max(a, b)` or `clamp(x, low, high)`, when the whole expression is such a call; none
/// otherwise. The expression is one that was parsed.
pub(super) fn operands(expr: &str) -> Vec<String> {
    let expr = expr.trim();
    let called =
        ["min", "max", "clamp"].into_iter().find_map(|name| expr.strip_prefix(name)?.trim_start().strip_prefix('('));
    let Some(inside) = called else { return Vec::new() };
    let mut found = Vec::new();
    let (mut depth, mut quoted, mut from) = (0_usize, false, 0);
    for (at, c) in inside.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' => depth += 1,
            ')' if depth == 0 => {
                found.push(inside[from..at].trim().to_owned());
                // What goes on behind it makes the call a part only.
                return if inside[at + 1..].trim().is_empty() { found } else { Vec::new() };
            }
            ')' | ']' => depth -= 1,
            ',' if depth == 0 => {
                found.push(inside[from..at].trim().to_owned());
                from = at + 1;
            }
            _ => {}
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_is_the_whole_has_its_operands() {
        assert_eq!(operands("min(due, max(cap - acc.used, ¥0))"), ["due", "max(cap - acc.used, ¥0)"]);
        assert_eq!(operands(" clamp (a , b,c ) "), ["a", "b", "c"]);
        assert_eq!(
            operands("max(if x in ['a,(', 'b'] then ¥1 else ¥2, ¥0)"),
            ["if x in ['a,(', 'b'] then ¥1 else ¥2", "¥0"]
        );
        for other in
            ["min(a, b) + c", "minimum", "total - own", "half_up(min(a, b) * r, ¥0.01)", "min(a, b) - min(c, d)"]
        {
            assert!(operands(other).is_empty(), "{other}");
        }
    }
}
