use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use zo_embed::Models;

use super::*;

/// Says for each text how long it is, counts how often it is asked, and waits for a word at its first time.
struct Counting {
    inner: Box<dyn Embedder>,
    asked: Arc<AtomicUsize>,
    begin: Option<mpsc::Receiver<()>>,
}

impl Embedder for Counting {
    fn id(&self) -> zo_embed::EmbedderId {
        self.inner.id()
    }

    fn name(&self) -> &str {
        self.inner.name()
    }

    fn dimensions(&self) -> usize {
        1
    }

    fn runtime(&self) -> &zo_embed::Runtime {
        self.inner.runtime()
    }

    fn embed(&mut self, _: Role, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        if let Some(begin) = self.begin.take() {
            begin.recv_timeout(Duration::from_secs(20)).expect("somebody says so");
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        #[allow(clippy::cast_precision_loss)]
        let vector = |text: &&str| vec![text.len() as f32];
        Ok(texts.iter().map(vector).collect())
    }
}

#[test]
fn questions_that_wait_are_embedded_together_each_with_its_own_vector() {
    let folder = tempfile::tempdir().expect("a folder");
    let models = Models::new(folder.path().to_owned());
    let inner = models.open(Models::DEFAULT).expect("it ships with zo");
    let (asked, (tx, rx)) = (Arc::new(AtomicUsize::new(0)), mpsc::channel());
    let embedder: Mutex<Box<dyn Embedder>> =
        Mutex::new(Box::new(Counting { inner, asked: asked.clone(), begin: Some(rx) }));
    let questions = Questions::default();
    thread::scope(|scope| {
        let ask = |length: usize| {
            let vector = questions.embed("m", &embedder, "x".repeat(length)).expect("a vector");
            assert_eq!(vector, [f32::from(u16::try_from(length).expect("a short text"))]);
        };
        scope.spawn(move || ask(1));
        // The first one has the model, and waits within it.
        while embedder.try_lock().is_ok() || !lock(&questions.waiting).is_empty() {
            thread::yield_now();
        }
        for length in 2..=9 {
            scope.spawn(move || ask(length));
        }
        while lock(&questions.waiting).len() < 8 {
            thread::yield_now();
        }
        tx.send(()).expect("it waits");
    });
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    assert!(lock(&questions.waiting).is_empty());
}
