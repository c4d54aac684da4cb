//! RFC 9457 answers.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::models::input::Reply;
use crate::models::problem::Problem;

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.body())).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        match self {
            Self::Body { status, body } => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
                (status, Json(body)).into_response()
            }
            Self::Problem(problem) => problem.into_response(),
        }
    }
}

pub async fn no_route(uri: Uri) -> Problem {
    let detail = format!("there is no {}", uri.path());
    Problem::new(404, "no-route", "No such route", detail)
        .next_step("see docs/concepts/interfaces.md section 3")
}

pub async fn method_not_allowed(uri: Uri) -> Problem {
    let detail = format!("{} does not take this method", uri.path());
    Problem::new(405, "method-not-allowed", "Method not allowed", detail)
}
