//! The steps that this process is at. The interface has no handle: the first step and the next are told together by being of
//! one process, whichever thread calls. After a fork they are the parent's alone.

use std::sync::{Mutex, PoisonError};

/// Where they are kept between calls: of which process, and by which number.
pub(crate) struct Place(Mutex<Option<(u32, String)>>);

/// This process's.
pub(crate) static PLACE: Place = Place(Mutex::new(None));

/// The steps as a call takes them; a call of another thread meanwhile has none.
pub(crate) struct Steps<'p> {
    place: &'p Place,
    number: Option<String>,
}

impl Place {
    /// Takes them.
    pub(crate) fn take(&self) -> Steps<'_> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let number = held.filter(|(process, _)| *process == std::process::id()).map(|(_, number)| number);
        Steps { place: self, number }
    }
}

impl Steps<'_> {
    /// Their number.
    pub(crate) fn number(&self) -> Option<&str> {
        self.number.as_deref()
    }

    /// What the daemon said of them: the number to go on by, or that there is nothing to go on with.
    pub(crate) fn go_on(&mut self, number: Option<String>) {
        self.number = number;
    }
}

/// Without an answer they are as they were.
impl Drop for Steps<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number.take() {
            *self.place.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((std::process::id(), number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_has_them_at_a_time_and_without_an_answer_they_stay() {
        let place = Place(Mutex::new(None));
        let mut first = place.take();
        assert_eq!(first.number(), None);
        first.go_on(Some("n".to_owned()));
        drop(first);
        let second = place.take();
        assert_eq!((second.number(), place.take().number()), (Some("n"), None));
        drop(second);
        let mut third = place.take();
        assert_eq!(third.number(), Some("n"));
        third.go_on(None);
        drop(third);
        assert_eq!(place.take().number(), None);
    }

    #[test]
    fn those_of_a_parent_are_not_its_childs() {
        let place = Place(Mutex::new(Some((0, "n".to_owned()))));
        assert_eq!(place.take().number(), None);
    }
}
