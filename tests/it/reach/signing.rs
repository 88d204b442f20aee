//! Signatures: against a second implementation, a server that checks them, and by hand.

use super::servers::{moto, moto_home};
use crate::support::project::Project;
use rot::run::sign::{AwsSigv4, Signed};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use zeroize::Zeroizing;

const BOTOCORE: &str = r#"
import sys, json, datetime
import botocore.auth, botocore.awsrequest, botocore.credentials
class Fixed(datetime.datetime):
    pass
for line in sys.stdin:
    c = json.loads(line)
    when = datetime.datetime.strptime(c["at"], "%Y-%m-%dT%H:%M:%SZ")
    cred = botocore.credentials.Credentials(c["id"], c["key"], c["token"])
    r = botocore.awsrequest.AWSRequest(method=c["method"], url=c["url"], data=c["body"], headers=dict(c["headers"]))
    auth = botocore.auth.SigV4Auth(cred, c["service"], c["region"])
    r.context["timestamp"] = when.strftime("%Y%m%dT%H%M%SZ")
    auth._modify_request_before_signing(r)
    canonical = auth.canonical_request(r)
    sts = auth.string_to_sign(r, canonical)
    print(auth.signature(sts, r), flush=True)
"#;

/// A thousand requests, signed by us and by AWS's own client.
#[test]
fn aws_signatures_agree_with_a_second_implementation() {
    let Some(home) = moto_home() else { return };
    let mut state: u64 = 11;
    let mut pick = |all: &[&str]| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        all[(state >> 33) as usize % all.len()].to_owned()
    };
    let mut cases = Vec::new();
    for n in 0..1000 {
        let path = format!(
            "/{}{}",
            pick(&["", "a", "a b", "é", "a/b", "x-y_z~."]),
            pick(&["", "/k", "/1"])
        );
        let query = pick(&[
            "",
            "?Action=ListUsers&Version=2010-05-08",
            "?b=2&a=1&a=0",
            "?x=%20y&z",
            "?k=a%2Bb&e=%C3%A9",
        ]);
        let mut url = url::Url::parse(&format!("https://host{}.example.com", n % 7)).unwrap();
        url.set_path(&path);
        let canonical = url::Url::parse(&format!("{url}{query}")).unwrap();
        let mut sent = canonical.clone();
        if sent.query().is_some() {
            let sorted = rot::run::sign::query(&canonical);
            sent.set_query(Some(&sorted));
        }
        let headers = match pick(&["0", "1", "2"]).as_str() {
            "0" => vec![],
            "1" => vec![(
                "Content-Type".to_owned(),
                "application/x-www-form-urlencoded; charset=utf-8".to_owned(),
            )],
            _ => vec![
                ("X-Amz-Target".to_owned(), "A_1.Do".to_owned()),
                (
                    "Content-Type".to_owned(),
                    "application/x-amz-json-1.1".to_owned(),
                ),
            ],
        };
        let token = pick(&["", "a/token+of=the=session"]);
        cases.push(serde_json::json!({
            "method": pick(&["GET", "POST", "PUT"]), "url": sent.as_str(), "body": pick(&["", "Action=X", "{\"a\": \"é\"}"]),
            "headers": headers, "id": "AKIDEXAMPLE", "key": pick(&["secret/key+1", "wJalrXUtnFEMI"]),
            "token": if token.is_empty() { serde_json::Value::Null } else { token.into() },
            "region": pick(&["us-east-1", "eu-central-1"]), "service": pick(&["iam", "sts", "ecr", "dynamodb"]),
            "at": format!("2026-{:02}-{:02}T{:02}:00:59Z", n % 12 + 1, n % 28 + 1, n % 24),
        }));
    }
    let mut child = Command::new(home.join("bin/python"))
        .args(["-c", BOTOCORE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines: Vec<String> = cases.iter().map(|c| format!("{c}\n")).collect();
    let writer = std::thread::spawn(move || {
        lines
            .iter()
            .for_each(|line| input.write_all(line.as_bytes()).unwrap())
    });
    let theirs: Vec<String> = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap)
        .collect();
    writer.join().unwrap();
    child.wait().unwrap();
    assert_eq!(theirs.len(), cases.len());
    for (case, theirs) in cases.iter().zip(theirs) {
        let text = |key: &str| case[key].as_str().unwrap_or_default().to_owned();
        let headers: Vec<(String, Zeroizing<Vec<u8>>)> = case["headers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|h| {
                (
                    h[0].as_str().unwrap().to_owned(),
                    Zeroizing::new(h[1].as_str().unwrap().as_bytes().to_vec()),
                )
            })
            .collect();
        let url = url::Url::parse(&text("url")).unwrap();
        let scheme = AwsSigv4 {
            key_id: &text("id"),
            secret_key: &text("key"),
            session_token: case["token"].as_str(),
            region: &text("region"),
            service: &text("service"),
        };
        let made = scheme.headers(&Signed {
            method: &text("method"),
            url: &url,
            headers: &headers,
            body: text("body").as_bytes(),
            at: text("at").parse().unwrap(),
        });
        let ours = String::from_utf8(made.last().unwrap().1.to_vec()).unwrap();
        assert!(
            ours.ends_with(&format!("Signature={theirs}")),
            "{case}\n{ours}\n{theirs}"
        );
    }
}

fn post(port: u16, form: &str) -> String {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let body = format!("{form}&Version=2010-05-08");
    write!(stream, "POST / HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\nAuthorization: AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=x\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

fn between<'t>(text: &'t str, tag: &str) -> &'t str {
    let from = text.split_once(&format!("<{tag}>")).unwrap().1;
    from.split_once(&format!("</{tag}>")).unwrap().0
}

/// A user of moto who may do everything, and from whom on signatures are checked: id and secret of the key.
pub fn boss(port: u16) -> (String, String) {
    post(port, "Action=CreateUser&UserName=boss");
    post(
        port,
        "Action=PutUserPolicy&UserName=boss&PolicyName=p&PolicyDocument=%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22*%22%2C%22Resource%22%3A%22*%22%7D%5D%7D",
    );
    let made = post(port, "Action=CreateAccessKey&UserName=boss");
    post(port, "Action=CreateUser&UserName=ci");
    let part = |tag| between(&made, tag).to_owned();
    (part("AccessKeyId"), part("SecretAccessKey"))
}

/// The library's template, over the plain HTTP that the server on this machine speaks.
fn aws_template(name: &str) -> String {
    let library = rot::templates::ALL
        .iter()
        .find(|one| one.name == name)
        .unwrap();
    library.text.replace("\"https://${", "\"http://${")
}

#[test]
fn an_iam_key_lives_its_whole_life_at_a_server_that_checks_signatures() {
    let Some(server) = moto() else { return };
    let port = server.port;
    let made = boss(port);
    let project = Project::new();
    for name in ["aws_iam_access_key", "aws_sts_session", "aws_ecr_token"] {
        project.file(&format!("{name}.rot"), aws_template(name));
    }
    let here = format!("127.0.0.1:{port}");
    project.file(
        "iam.rot",
        format!("use \"aws_iam_access_key.rot\"\nsecret boss {{ id, secret }}\nsecret ci {{ id, secret }}\nrotation ci from aws_iam_access_key {{\n  with {{ user: \"ci\", iam: \"{here}\", sts: \"{here}\", admin: boss, key: ci, grace: 1s }}\n  every 30d\n}}\n"),
    );
    project.set("boss.id", &made.0);
    project.set("boss.secret", &made.1);
    project.rot("check --fail-on note iam.rot").code(0);
    project.rot("run iam.rot").code(0);
    let first = project.get("ci.id");
    project.rot("run iam.rot").code(0);
    let second = project.get("ci.id");
    assert_ne!(first, second);
    // Both live, so a third is refused before anything is made.
    let full = project.rot("run iam.rot");
    assert_ne!(full.code, 0);
    full.says("two access keys already");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    project.rot("run iam.rot --due").code(0);
    let swept = project.rot("run iam.rot");
    swept.code(0);
    let third = project.get("ci.id");
    assert!(third != first && third != second);
    // A wrong key is an answer: nothing was made, nothing is lost.
    project.set("boss.secret", "canary-of-a-wrong-key");
    let wrong = project.rot("run iam.rot");
    assert_ne!(wrong.code, 0);
    assert!(!wrong.stderr.contains("canary"), "{}", wrong.stderr);
    wrong.says("answered 403");
    project.set("boss.secret", &made.1);
    // The other services of AWS that templates speak to.
    project.file(
        "sts.rot",
        format!("use \"aws_sts_session.rot\"\nsecret boss {{ id, secret }}\nsecret session {{ id, secret, token }}\nrotation s from aws_sts_session {{\n  with {{ role_arn: \"arn:aws:iam::123456789012:role/r\", sts: \"{here}\", caller: boss, session: session }}\n  every 30m\n}}\n"),
    );
    project.file(
        "ecr.rot",
        format!("use \"aws_ecr_token.rot\"\nsecret boss {{ id, secret }}\nsecret login\nrotation e from aws_ecr_token {{\n  with {{ host: \"{here}\", region: \"us-east-1\", caller: boss, token: login }}\n  every 6h\n}}\n"),
    );
    for (file, secret) in [("sts.rot", "session.token"), ("ecr.rot", "login")] {
        project.rot(&format!("run {file}")).code(0);
        assert!(project.get(secret).len() > 20);
    }
}

/// Answers one request with `answer`; gives what came.
fn once(answer: String) -> (u16, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            head.push_str(&line);
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        head + &String::from_utf8(body).unwrap()
    });
    (port, served)
}

fn header<'t>(request: &'t str, name: &str) -> &'t str {
    let line = request.lines().find(|line| {
        line.to_ascii_lowercase()
            .starts_with(&name.to_ascii_lowercase())
    });
    line.unwrap_or_else(|| panic!("no {name} in {request}"))
        .split_once(": ")
        .unwrap()
        .1
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}";

#[test]
fn an_hmac_is_made_of_the_request_that_goes_out() {
    let (port, served) = once(OK.to_owned());
    let project = Project::new();
    project.file(
        "h.rot",
        format!("secret k to \"127.0.0.1\" in signature\nrotation r {{\n  http POST \"http://127.0.0.1:{port}/a/b?x=1\" sets {{\n    json {{ a: 1 }}\n    sign hmac {{\n      key secrets.k\n      text \"${{request.time}}.${{request.method}}.${{request.path}}?${{request.query}}.${{request.body_sha256}}\"\n      header \"X-Signature\"\n      prefix \"v1=\"\n      encoding \"base64\"\n      algorithm \"sha512\"\n      time_header \"X-Time\"\n    }}\n  }}\n}}\n"),
    );
    project.set("k", "the-key");
    project.rot("check --fail-on warning h.rot").code(0);
    project.rot("run h.rot").code(0);
    let came = served.join().unwrap();
    let hex: String = ring::digest::digest(&ring::digest::SHA256, b"{\"a\":1}")
        .as_ref()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let text = format!("{}.POST./a/b?x=1.{hex}", header(&came, "x-time"));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA512, b"the-key");
    use base64::Engine;
    let wanted =
        base64::engine::general_purpose::STANDARD.encode(ring::hmac::sign(&key, text.as_bytes()));
    assert_eq!(header(&came, "x-signature"), format!("v1={wanted}"));
    assert!(!came.contains("the-key"));
}

#[test]
fn a_key_that_signs_is_not_sent_and_a_clock_that_is_off_is_named() {
    let project = Project::new();
    project.file("f.rot", "secret k to \"h.example.com\" in signature\nrotation r { http GET \"https://h.example.com/\" { bearer secrets.k } }\n");
    let found = project.rot("check --report concise f.rot").code(1);
    assert!(found.stdout.contains("ROT309"), "{}", found.stdout);
    let (port, served) = once("HTTP/1.1 403 Forbidden\r\nDate: Mon, 02 Jan 2017 03:04:05 GMT\r\nContent-Length: 0\r\n\r\n".to_owned());
    project.file(
        "c.rot",
        format!("secret k {{ id, secret }} to \"127.0.0.1\" in header, signature\nrotation r {{\n  http GET \"http://127.0.0.1:{port}/\" reads {{\n    sign aws_sigv4 {{\n      key_id secrets.k.id\n      secret_key secrets.k.secret\n      region \"us-east-1\"\n      service \"iam\"\n    }}\n  }}\n}}\n"),
    );
    project.set("k.id", "AKID").set("k.secret", "canary-key");
    let failed = project.rot("run c.rot").says("clock").says("minutes off");
    assert_ne!(failed.code, 0);
    let came = served.join().unwrap();
    assert!(
        came.contains("AWS4-HMAC-SHA256 Credential=AKID/") && !came.contains("canary"),
        "{came}"
    );
}
