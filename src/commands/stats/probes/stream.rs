//! The stream of a residual network, unit by unit, beside what random weights of the same row lengths would give.
//!
//! A network that was never trained is shown beside NormProp's rules of sums and a network without normalization.

mod measured;
mod picture;

use anyhow::Result;

use crate::cli::StatsArgs;
use crate::commands::stats::variants::{AT_START, METHOD, variants};
use crate::commands::stats::{Columns, NetworkProbe, Output, Subject, Trends};
use crate::config::RunConfig;
use crate::draw::Style;
use crate::engine::trainer::Trainer;
use crate::methods;
use crate::nn::{Network, Pass};
use crate::probe::images::ProbeImages;
use crate::probe::stream::{StreamPlace, StreamView, check, measure};
use measured::NetworkStream;

/// The network without normalization that others are shown beside.
const WITHOUT: &str = "none";

/// The axis of pictures over checkpoints.
const PLACE: &str = "Place";

/// What happens to the stream?
pub struct ResidualStream;

impl NetworkProbe for ResidualStream {
    type Found = StreamPlace;
    const NAME: &'static str = "stream";
    const ABOUT: &'static str = "ResNets: moments, gradient, similarity and nonlinearity of the stream by unit, its correlation with branches, and predictions";

    /// The network alone.
    fn measure(subject: &Subject, args: &StatsArgs) -> Result<Vec<StreamPlace>> {
        look_at(&subject.network, &subject.config, subject, args)
    }

    fn columns() -> Columns<StreamPlace> {
        Columns::new()
            .with("layer", |p: &StreamPlace| p.units + 1)
            .over_checkpoints()
            .with("units", |p| p.units)
            .with("name", |p| p.name.clone())
            .with("channels", |p| p.channels)
            .with("images", |p| p.images)
            .with("second_moment", |p| p.measured.second_moment)
            .with("second_moment_predicted", |p| p.predicted.second_moment)
            .with("variance", |p| p.measured.variance)
            .with("variance_predicted", |p| p.predicted.variance)
            .with("squared_mean", |p| p.measured.squared_mean())
            .with("squared_mean_predicted", |p| p.predicted.squared_mean())
            .with("similarity", |p| p.measured.similarity)
            .with("similarity_predicted", |p| p.predicted.similarity)
            .with("gradient", |p| p.measured.gradient)
            .with("gradient_predicted", |p| p.predicted.gradient)
            .with("gradient_ratio", |p| p.measured.gradient_ratio)
            .with("gradient_ratio_predicted", |p| p.predicted.gradient_ratio)
            .with("nonlinearity", |p| p.measured.nonlinearity)
            .with("nonlinearity_predicted", |p| p.predicted.nonlinearity)
            .with("correlation", |p| p.correlation)
            .with("correlation_std", |p| p.correlation_std)
    }

    /// A layer is a place here.
    fn trends() -> Trends {
        Trends::new(
            "The stream of a residual network",
            "places from 1, in front of the first unit, to the one behind the last",
        )
        .with("second moment", |row| row.number("second_moment"))
        .with("variance", |row| row.number("variance"))
        .drawn(picture::variance(PLACE))
        .with("squared mean", |row| row.number("squared_mean"))
        .with("similarity", |row| row.number("similarity"))
        .drawn(picture::similarity(PLACE))
        .with("gradient ratio", |row| row.number("gradient_ratio"))
        .drawn(picture::gradient_ratio(PLACE))
        .with("correlation", |row| row.number("correlation"))
        .drawn(picture::correlation(PLACE))
        .with("nonlinearity", |row| row.number("nonlinearity"))
        .drawn(picture::nonlinearity(PLACE))
    }

    fn look(subject: &Subject, args: &StatsArgs, output: &mut Output) -> Result<()> {
        check(subject.network.kind())?;
        let mut found = Vec::new();
        for (label, style, config) in networks(subject)? {
            let places = match config {
                None => Self::measure(subject, args)?,
                // A rule that this network cannot have must not cost the others.
                Some(config) => match Trainer::initialized(&config, &subject.dataset) {
                    Ok(trainer) => look_at(&trainer.network, &config, subject, args)?,
                    Err(error) => {
                        output.say(&format!("{label} is left out: {error}"));
                        continue;
                    }
                },
            };
            output.say(&format!("{label}: measured"));
            found.push(NetworkStream {
                label,
                style,
                places,
            });
        }
        let rows = found.iter().map(|one| (&one.label, &one.places));
        output.main_table(Self::NAME, &Self::columns().stacked("network", rows))?;
        output.figure(Self::NAME, &picture::picture(&found, subject).figure());
        output.print(&text(&found))
    }
}

/// The networks to look at, the subject without a configuration. One that was never trained is shown beside NormProp with
/// each rule of sums and beside `none`.
fn networks(subject: &Subject) -> Result<Vec<(String, Style, Option<RunConfig>)>> {
    let own = methods::style(subject.config.method.name(), 0);
    let alone = (subject.title.clone(), own, None);
    if subject.folder.is_some() {
        return Ok(vec![alone]);
    }
    let without = RunConfig {
        method: methods::find(WITHOUT)?.into(),
        ..subject.config.clone()
    };
    let rules = variants(&subject.config, subject.network.kind())?;
    let rules = rules.into_iter().enumerate();
    let mut all: Vec<_> = rules
        .map(|(place, (label, config))| (label, methods::style(METHOD, place), Some(config)))
        .collect();
    let label = format!("{WITHOUT}{AT_START}");
    all.push((label, methods::style(WITHOUT, 0), Some(without)));
    let is_subject = |config: &Option<RunConfig>| {
        let config = config.as_ref();
        config.is_some_and(|config| config.method == subject.config.method)
    };
    match all.iter().position(|(.., config)| is_subject(config)) {
        Some(place) => all[place].2 = None,
        None => all.insert(0, alone),
    }
    Ok(all)
}

/// Measures a network on the subject's images: as in evaluation, or where statistics of the batch make training another
/// function, as in training, all images in one batch.
fn look_at(
    network: &Network,
    config: &RunConfig,
    subject: &Subject,
    args: &StatsArgs,
) -> Result<Vec<StreamPlace>> {
    let (count, split) = (args.images as usize, subject.dataset.split(&args.split));
    let images = subject.images(count, &args.split);
    let labels = ProbeImages::labels(count, split);
    if config.method.descriptor.train_equals_eval {
        return measure(
            network,
            images.labeled_parts(&labels, network),
            &StreamView::Evaluation,
        );
    }
    let pass = || Pass::train(config.seed, 0);
    let batch = images.labeled(&labels, network);
    measure(
        network,
        std::iter::once(batch),
        &StreamView::Training(&pass),
    )
}

fn text(found: &[NetworkStream]) -> String {
    let columns = Columns::new()
        .with("units", |p: &StreamPlace| format!("{} {}", p.units, p.name))
        .with("variance", |p| p.measured.variance)
        .with("predicted", |p| p.predicted.variance)
        .with("mean²", |p| p.measured.squared_mean())
        .with("predicted", |p| p.predicted.squared_mean())
        .with("similarity", |p| p.measured.similarity)
        .with("predicted", |p| p.predicted.similarity)
        .with("gradient ratio", |p| p.measured.gradient_ratio)
        .with("predicted", |p| p.predicted.gradient_ratio)
        .with("NLC", |p| p.measured.nonlinearity)
        .with("predicted", |p| p.predicted.nonlinearity)
        .with("correlation", |p| p.correlation)
        .with("± sd", |p| p.correlation_std);
    let mut text = String::new();
    for one in found {
        text += &format!("{}\n{}\n", one.label, columns.table(&one.places).text());
    }
    text + "Places of the stream by the units before them. Variance within channels, mean² over channels, similarity: mean \
            cosine of two images. Gradient ratio: by how much the squared length of the loss' gradient grows backwards \
            through the unit. NLC: nonlinearity coefficient of the map to the last place. Correlation: of the branch with \
            what it is added to, by channel.\n\
            Predicted: what random weights of these row lengths do to the stream that enters the first unit, and to the \
            gradient behind the last. It is known in order v2 where every layer folds into a linear operation and a ReLU, \
            leaky ReLU or identity. Methods with statistics of the batch are seen as in training, the images as one batch.\n"
}
