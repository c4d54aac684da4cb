//! RFC 9457 problems.

use serde_json::{Map, Value, json};

/// A refusal that names its cause, the allowed range and the next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub status: u16,
    pub kind: &'static str,
    pub title: &'static str,
    pub detail: String,
    pub field: Option<String>,
    pub allowed: Option<String>,
    pub next_step: Option<String>,
    /// Further members, such as the `status` of a denied order.
    pub members: Map<String, Value>,
}

impl Problem {
    pub fn new(status: u16, kind: &'static str, title: &'static str, detail: String) -> Self {
        Self {
            status,
            kind,
            title,
            detail,
            field: None,
            allowed: None,
            next_step: None,
            members: Map::new(),
        }
    }

    pub fn malformed(field: &str, detail: String, allowed: &str) -> Self {
        Self::new(400, "malformed", "The request is not valid", detail)
            .field(field)
            .allowed(allowed)
    }

    pub fn not_found(detail: String) -> Self {
        Self::new(404, "not-found", "No such order", detail)
    }

    #[must_use]
    pub fn field(mut self, field: &str) -> Self {
        self.field = Some(field.to_owned());
        self
    }

    #[must_use]
    pub fn allowed(mut self, allowed: &str) -> Self {
        self.allowed = Some(allowed.to_owned());
        self
    }

    #[must_use]
    pub fn next_step(mut self, step: &str) -> Self {
        self.next_step = Some(step.to_owned());
        self
    }

    #[must_use]
    pub fn member(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }

    pub fn body(&self) -> Value {
        let mut body = json!({
            "type": format!("urn:ats:problem:{}", self.kind),
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        });
        if let Some(fields) = body.as_object_mut() {
            for (name, value) in [
                ("field", &self.field),
                ("allowed", &self.allowed),
                ("next_step", &self.next_step),
            ] {
                if let Some(text) = value {
                    fields.insert(name.to_owned(), json!(text));
                }
            }
            fields.extend(self.members.clone());
        }
        body
    }
}
