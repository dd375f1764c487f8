//! An answer of which something is let go of once it was given out: a caller that has gone by then is told again.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::response::Response;
use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};

/// The same answer; `then` is done when the connection takes it, and never where the caller closed it before.
pub(super) fn given_out(response: Response, then: impl FnOnce() + Send + 'static) -> Response {
    response.map(|body| Body::new(Given { body, then: Some(Box::new(then)) }))
}

/// The body of such an answer.
struct Given {
    body: Body,
    then: Option<Box<dyn FnOnce() + Send>>,
}

impl HttpBody for Given {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        // A body that was made as a whole comes in one piece.
        if let Some(then) = self.then.take() {
            then();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn what_is_to_be_done_once_it_was_given_out_is_done_then_and_only_then() {
        let done = Arc::new(AtomicUsize::new(0));
        let answer = || {
            let done = Arc::clone(&done);
            given_out(Response::new(Body::from("paid")), move || {
                done.fetch_add(1, Ordering::Relaxed);
            })
        };
        let unread = answer();
        assert_eq!(unread.body().size_hint().exact(), Some(4), "its length is said before");
        drop(unread);
        assert_eq!(done.load(Ordering::Relaxed), 0, "the caller had gone");
        let read = axum::body::to_bytes(answer().into_body(), 100).await.unwrap();
        assert_eq!((&*read, done.load(Ordering::Relaxed)), (&b"paid"[..], 1));
    }
}
