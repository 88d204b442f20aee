use rot::source::*;
#[test]
fn dump() {
    for f in std::env::var("ROT_DUMP").unwrap().split(',') {
    let text = std::fs::read_to_string(f).unwrap();
    let source = SourceFile::new(f, text);
    let (ast, diags) = rot::syntax::parse(FileId::new(0), &source);
    for d in &diags {
        let p = source.position(d.span().start);
        println!("{}:{}: {:?} {} | {} | {:?} | labels {:?}", p.line, p.column, d.code, d.message, d.primary.text, d.help, d.labels.iter().map(|l| (source.position(l.span.start), l.text.clone())).collect::<Vec<_>>());
    }
    println!("items {}", ast.items.len());
    if std::env::var("AST").is_ok() { println!("{ast:#?}"); }
    println!("{}", rot::syntax::print(&ast, &source));
    }
}
