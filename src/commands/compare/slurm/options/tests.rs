//! Options are read as they are meant, and mistakes are named.

use super::*;

fn parse(texts: &[&str]) -> Result<SlurmOptions> {
    let texts: Vec<String> = texts.iter().map(ToString::to_string).collect();
    SlurmOptions::parse(&texts, 10.0)
}

#[test]
fn pairs_are_read_in_order_and_the_last_one_counts() {
    let options = parse(&[
        "partition=gpu,time=02:00:00,gres=gpu:1,array-limit=64",
        "exclusive",
        "exclude=n1,n2,partition=cpu",
    ])
    .unwrap();
    assert_eq!(options.array_limit, Some(64));
    assert_eq!(options.runs_at_once, 1);
    assert_eq!(parse(&["runs-at-once=8"]).unwrap().runs_at_once, 8);
    let shown = options.sbatch.iter();
    let shown = shown.map(|(key, value)| format!("{key}:{}", value.as_deref().unwrap_or("-")));
    assert_eq!(
        shown.collect::<Vec<_>>().join(" "),
        "time:02:00:00 gres:gpu:1 exclusive:- exclude:n1,n2 partition:cpu"
    );
    assert_eq!(options.task_s, 600.0);
}

#[test]
fn values_may_be_lists_and_stand_in_quotes() {
    let value = |text: &str, key: &str| parse(&[text]).unwrap().value(key).unwrap().to_owned();
    for (text, key, expected) in [
        ("export=ALL,DATA=/x,time=30", "export", "ALL,DATA=/x"),
        ("export=ALL,DATA=/x,time=30", "time", "30"),
        ("export=A=1,2,B_c=,partition=gpu", "export", "A=1,2,B_c="),
        ("time=30,export=\"ALL,lower=1\"", "export", "ALL,lower=1"),
        ("comment='a \"b\", c=d'", "comment", "a \"b\", c=d"),
        ("comment=it's so", "comment", "it's so"),
    ] {
        assert_eq!(value(text, key), expected, "{text}");
    }
}

#[test]
fn times_are_read_as_slurm_reads_them() {
    let cases = [
        ("90", Some(5400)),
        ("90:30", Some(5430)),
        ("02:00:00", Some(7200)),
        ("1-12", Some(129_600)),
        ("1-12:30", Some(131_400)),
        ("2-00:00:05", Some(172_805)),
    ];
    for (text, expected) in cases {
        assert_eq!(seconds(text), expected, "{text}");
    }
    assert_eq!(["two hours", "1:2:3:4", ""].map(seconds), [None; 3]);
    assert!(seconds("UNLIMITED") > seconds("100-0"));
}

#[test]
fn a_gpu_is_asked_for_where_one_is_needed() {
    let checked = |text: &str, device: &str| parse(&[text]).unwrap().check_device(device);
    let refused = checked("partition=gpu", "cuda").unwrap_err().to_string();
    assert!(refused.contains("--slurm gres=gpu:1"), "{refused}");
    assert!(checked("time=30", "cuda:1").is_err());
    for text in ["gres=gpu:1", "gpus=2", "gpus-per-node=1", "gres=none"] {
        assert!(checked(text, "cuda").is_ok(), "{text}");
    }
    assert!(checked("partition=cpu", "cpu").is_ok());
}

#[test]
fn mistakes_are_named() {
    let cases = [
        ("array-limit=0", "1 or more"),
        ("runs-at-once=0", "from 1 to 1024"),
        ("runs-at-once", "from 1 to 1024"),
        ("array-limits=3", "did you mean `array-limit`?"),
        ("array=0-3", "sets this itself"),
        ("p=gpu", "no long name"),
        ("=gpu", "no long name"),
        ("time=soon", "expected minutes"),
        ("time=00:02:00", "at least 5 minutes"),
        ("time=00:11:00", "--minutes-per-job 10 does not fit"),
        ("comment=a\nb", "no line breaks"),
        ("comment=a\\b", "backslashes"),
        ("comment=\"a,b", "has no end"),
        ("partition=gpu,DATA=/x", "`DATA` is no long name"),
        ("export=ALL,t=/x", "stands in quotes"),
    ];
    for (text, expected) in cases {
        let message = parse(&[text]).unwrap_err().to_string();
        assert!(message.contains(expected), "{text}: {message}");
    }
    assert!(SlurmOptions::parse(&[], f64::NAN).is_err());
    assert!(SlurmOptions::parse(&[], -1.0).is_err());
}
