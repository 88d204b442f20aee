fn main() {
    let one = std::fs::read_to_string("tests/spec/syntax/valid/lifecycle.rot").unwrap() + &std::fs::read_to_string("tests/spec/syntax/valid/everything.rot").unwrap();
    for n in [1usize, 50, 180] {
        let text = one.repeat(n);
        let source = rot::source::SourceFile::new("x", text.clone());
        let mut best = f64::MAX; let mut bp = f64::MAX;
        for _ in 0..(if n == 1 {200} else {8}) {
            let t = std::time::Instant::now();
            let (ast, d) = rot::syntax::parse(rot::source::FileId::new(0), &source);
            best = best.min(t.elapsed().as_secs_f64());
            assert!(d.is_empty());
            let t = std::time::Instant::now();
            std::hint::black_box(rot::syntax::print(&ast, &source));
            bp = bp.min(t.elapsed().as_secs_f64());
        }
        println!("{} bytes: parse {:.1} MB/s, print {:.1} MB/s", text.len(), text.len() as f64 / best / 1e6, text.len() as f64 / bp / 1e6);
    }
}
