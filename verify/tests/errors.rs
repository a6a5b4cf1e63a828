//! What the table in `contract` does not hold: what is accepted although it looks wrong, steps that are dropped, and the size of
//! an error.

use lanegrad::*;
use lanegrad_verify::check::update::methods;

#[track_caller]
fn assert_error<T>(result: Result<T, Error>, message: &str) {
    match result {
        Ok(_) => panic!("accepted, expected: {message}"),
        Err(error) => assert_eq!(error.to_string(), message),
    }
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|x| x.to_bits()).collect()
}

fn backends() -> impl Iterator<Item = Backend> {
    Isa::available().map(Backend::with_isa)
}

/// Nothing is addressed where there are no elements, and one number where all strides are zero.
#[test]
fn views_that_are_right_although_they_look_wrong() {
    const LONGEST: isize = isize::MAX;
    assert!(MatRef::with_strides(&[], 0, usize::MAX, LONGEST, isize::MIN).is_ok());
    assert!(MatRef::with_strides(&[], usize::MAX, 0, LONGEST, LONGEST).is_ok());
    assert!(MatRef::with_strides(&[0.0], usize::MAX, usize::MAX, 0, 0).is_ok());
    assert!(MatRef::with_strides(&[0.0], 1, 1, LONGEST, isize::MIN).is_ok());
    assert!(MatRef::with_strides(&[0.0; 6], 3, 2, 2, 1).is_ok());
    assert!(MatRef::with_strides(&[0.0; 6], 3, 2, -2, -1).is_ok());
    assert!(MatMut::with_strides(&mut [], 0, 3, LONGEST, 0).is_ok());
    assert!(MatMut::with_strides(&mut [0.0; 3], 1, 3, isize::MIN, 1).is_ok());
    assert!(MatMut::with_strides(&mut [0.0; 11], 3, 3, 4, 1).is_ok());
    assert!(MatMut::with_strides(&mut [0.0; 11], 3, 3, 1, -4).is_ok());
    assert!(MatMut::with_strides(&mut [0.0; 5], 1, 2, 7, 4).is_ok());
}

const METHODS: [Method; 8] = methods(Momentum::Constant(0.75));

fn looks_ahead(method: Method) -> bool {
    matches!(method, Method::Nesterov { .. } | Method::RmsPropNesterov { .. })
}

/// An optimizer and the two tensors on which it has made a step, so that its velocity is not zero, and in places no number.
fn after_a_step(backend: &Backend, method: Method) -> (Optimizer, [f32; 37], [f32; 3]) {
    let mut optimizer = Optimizer::new(Rule::new(method, LearningRate::Constant(0.125)).unwrap());
    let (mut w, mut b) = ([0.3; 37], [-0.7; 3]);
    let mut parameters = Parameter::numbered([&mut w[..], &mut b[..]]);
    optimizer.begin(backend, &mut parameters).unwrap().finish(&[&[0.9; 37], &[-1.1, f32::INFINITY, f32::NAN]]).unwrap();
    // Such a gradient leaves none behind: another value, for the velocity to lead away from.
    b[1..].copy_from_slice(&[f32::MIN_POSITIVE / 3.0, 1e38]);
    (optimizer, w, b)
}

/// Also where `(θ + α v) − α v` is not θ: by a rounding, or altogether where v is infinite.
#[test]
fn a_step_that_is_dropped_or_fails_changes_no_bit() {
    for backend in backends() {
        for method in METHODS {
            let wrong: [(&[&[f32]], Option<&str>); 4] = [
                (&[], None),
                (&[&[1.0; 37]], Some("optimizer step: list of gradients has length 1, expected 2")),
                (&[&[1.0; 36], &[1.0; 3]], Some("optimizer step: a gradient has length 36, expected 37")),
                (&[&[1.0; 37], &[1.0; 4]], Some("optimizer step: a gradient has length 4, expected 3")),
            ];
            for (gradients, message) in wrong {
                let (mut optimizer, mut w, mut b) = after_a_step(&backend, method);
                let (old_w, old_b) = (w, b);
                let mut parameters = Parameter::numbered([&mut w[..], &mut b[..]]);
                let step = optimizer.begin(&backend, &mut parameters).unwrap();
                assert_eq!(bits(step.parameters()[0].values) != bits(&old_w), looks_ahead(method), "{method:?}");
                match message {
                    Some(message) => assert_error(step.finish(gradients), message),
                    None => drop(step),
                }
                assert_eq!((bits(&w), bits(&b)), (bits(&old_w), bits(&old_b)), "{method:?}");
                assert_eq!(optimizer.steps(), 1);

                // The state is as it was too: the next step is the one that would have come.
                let (mut twin, mut twin_w, mut twin_b) = after_a_step(&backend, method);
                for (optimizer, w, b) in [(&mut optimizer, &mut w, &mut b), (&mut twin, &mut twin_w, &mut twin_b)] {
                    let mut parameters = Parameter::numbered([&mut w[..], &mut b[..]]);
                    optimizer.begin(&backend, &mut parameters).unwrap().finish(&[&[0.5; 37], &[0.25; 3]]).unwrap();
                }
                assert_eq!((bits(&w), bits(&b)), (bits(&twin_w), bits(&twin_b)), "{method:?}");
            }
        }
    }
}

#[test]
fn an_error_is_small_and_has_a_source_of_none() {
    assert!(size_of::<Error>() <= 9 * size_of::<usize>());
    let error: Box<dyn std::error::Error + Send + Sync> = Box::new(MatRef::new(&[], 1, 1).unwrap_err());
    assert!(error.source().is_none());
}
