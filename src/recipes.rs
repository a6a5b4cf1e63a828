//! Short programs for common uses in a host. This module contains only documentation.
//!
//! # A host that provides one tensor at a time
//! An autograd owns the tensors and passes them one by one. The host keeps a [`State`](crate::State) with each.
//!
//! ```
//! use lanegrad::{Backend, Error, LearningRate, Method, Rule, State};
//! struct Tensor { values: Vec<f32>, gradient: Vec<f32>, state: State }
//! fn step(backend: &Backend, rule: &Rule, number: u64, tensors: &mut [Tensor]) -> Result<(), Error> {
//!     for Tensor { values, gradient, state } in tensors {
//!         state.update(backend, rule, number, values, gradient)?;
//!     }
//!     Ok(())
//! }
//! let state = State::new(Method::adam(), 3)?;
//! let mut tensors = [Tensor { values: vec![1.0; 3], gradient: vec![0.5; 3], state }];
//! step(&Backend::new()?, &Rule::adam_w(LearningRate::Constant(0.1))?, 1, &mut tensors)?;
//! assert!(tensors[0].values.iter().all(|theta| (theta - 0.899).abs() < 1e-6)); // 0.1 · 0.01 of decay, and a step of 0.1
//! # Ok::<(), Error>(())
//! ```
//!
//! # A frozen layer
//! A tensor that is left out of a step is unchanged, and so is its state: no decay, no count.
//!
//! ```
//! use lanegrad::{Backend, LearningRate, Optimizer, Parameter, Rule};
//! let backend = Backend::new()?;
//! let mut optimizer = Optimizer::new(Rule::adam_w(LearningRate::Constant(0.1))?);
//! let (mut body, mut head) = ([1.0; 8], [1.0; 4]);
//! for step in 0..10 {
//!     let mut parameters = [Parameter::new(0, &mut body), Parameter::new(1, &mut head)];
//!     let trained = if step < 5 { 1..2 } else { 0..2 };
//!     let gradients: [&[f32]; 2] = [&[0.5; 8], &[0.5; 4]];
//!     optimizer.step(&backend, &mut parameters[trained.clone()], &gradients[trained])?;
//! }
//! assert_eq!(optimizer.state(0).map(|state| state.updates()), Some(5));
//! assert_eq!(optimizer.state(1).map(|state| state.updates()), Some(10));
//! # Ok::<(), lanegrad::Error>(())
//! ```
//!
//! # A tensor that appears late
//! A new key gets fresh state: Adam corrects its bias as at the start of a run, while schedules follow the run's step.
//!
//! ```
//! use lanegrad::{Backend, LearningRate, Method, Optimizer, Parameter, Rule};
//! let backend = Backend::new()?;
//! let rate = LearningRate::InverseSquareRoot { initial: 0.1, gamma: 1.0 };
//! let mut optimizer = Optimizer::new(Rule::new(Method::adam(), rate)?);
//! let (mut old, mut late) = ([1.0; 2], [1.0; 2]);
//! for _ in 0..3 {
//!     optimizer.step(&backend, &mut Parameter::numbered([&mut old]), &[&[3.0; 2]])?;
//! }
//! optimizer.step(&backend, &mut [Parameter::new(7, &mut late)], &[&[3.0; 2]])?;
//! assert!((late[0] - (1.0 - 0.1 / 2.0)).abs() < 1e-6); // a whole step of η_4 = 0.1/√4
//! # Ok::<(), lanegrad::Error>(())
//! ```
//!
//! # A tensor with its own learning rate, and biases without weight decay
//! ```
//! use lanegrad::{Backend, LearningRate, Optimizer, Parameter, Rule};
//! let backend = Backend::new()?;
//! let mut optimizer = Optimizer::new(Rule::adam_w(LearningRate::Constant(0.1))?);
//! let (mut w, mut b, mut embedding) = ([1.0; 4], [1.0; 2], [1.0; 6]);
//! let mut parameters = [
//!     Parameter::new(0, &mut w),
//!     Parameter::new(1, &mut b).without_weight_decay(),
//!     Parameter::new(2, &mut embedding).with_learning_rate_factor(0.1),
//! ];
//! optimizer.step(&backend, &mut parameters, &[&[1.0; 4], &[1.0; 2], &[1.0; 6]])?;
//! let close = |theta: f32, expected: f32| (theta - expected).abs() < 1e-6;
//! assert!(close(w[0], 0.899) && close(b[0], 0.9) && close(embedding[0], 0.9899));
//! # Ok::<(), lanegrad::Error>(())
//! ```
//!
//! # Saving and restoring state
//! Slots and counts can be read directly, and are restored to the bit. The host chooses how to store them.
//!
//! ```
//! use lanegrad::{Backend, LearningRate, Optimizer, Parameter, Rule, State};
//! let backend = Backend::new()?;
//! let rule = Rule::adam_w(LearningRate::Constant(0.1))?;
//! let mut optimizer = Optimizer::new(rule);
//! let mut theta = [1.0, -2.0, 3.0];
//! optimizer.step(&backend, &mut Parameter::numbered([&mut theta]), &[&[0.3, 0.2, 0.1]])?;
//!
//! struct Saved { key: u64, updates: u64, len: usize, slots: Vec<Vec<f32>> }
//! let save = |(key, state): (u64, &State)| {
//!     let slots = state.slots().map(|(_name, slot)| slot.to_vec()).collect();
//!     Saved { key, updates: state.updates(), len: state.len(), slots }
//! };
//! let saved: Vec<Saved> = optimizer.states().map(save).collect();
//!
//! let mut states = Vec::new();
//! for Saved { key, updates, len, slots } in &saved {
//!     let slots: Vec<&[f32]> = slots.iter().map(|slot| &slot[..]).collect();
//!     states.push((*key, State::restore(rule.method(), *updates, *len, &slots)?));
//! }
//! let mut restored = Optimizer::restore(rule, optimizer.steps(), states)?;
//!
//! let mut same = theta;
//! optimizer.step(&backend, &mut Parameter::numbered([&mut theta]), &[&[0.1, 0.2, 0.3]])?;
//! restored.step(&backend, &mut Parameter::numbered([&mut same]), &[&[0.1, 0.2, 0.3]])?;
//! assert_eq!(theta.map(f32::to_bits), same.map(f32::to_bits));
//! # Ok::<(), lanegrad::Error>(())
//! ```
//!
//! # A layer in an autograd, with its own h'
//! See [`dense::activation_backward`](crate::dense::activation_backward).
//!
//! # Training only the bias
//! See [`dense::gradient`](crate::dense::gradient).
//!
//! # A network that serves several threads
//! See [`Network::predict`](crate::Network::predict).
//!
//! # A `Backend` where the host has only `&self`
//! A [`Backend`](crate::Backend) is modified by products, because it owns their workspace. A host that is called with `&self`, from any
//! thread and perhaps recursively, takes one from a pool for the duration of a call and returns it afterwards. No call waits for another.
//!
//! ```
//! use lanegrad::{Activation, Backend, Error, MatMut, MatRef, dense};
//! use std::sync::{Mutex, PoisonError};
//!
//! #[derive(Default)]
//! struct Backends(Mutex<Vec<Backend>>);
//!
//! impl Backends {
//!     fn with<R>(&self, f: impl FnOnce(&mut Backend) -> Result<R, Error>) -> Result<R, Error> {
//!         let idle = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
//!         let mut backend = idle.map_or_else(Backend::new, Ok)?;
//!         let result = f(&mut backend);
//!         self.0.lock().unwrap_or_else(PoisonError::into_inner).push(backend);
//!         result
//!     }
//! }
//!
//! struct Linear { w: Vec<f32>, backends: Backends }
//!
//! impl Linear {
//!     fn forward(&self, x: &[f32]) -> Result<Vec<f32>, Error> {
//!         let (mut z, units) = (vec![0.0; 2], self.w.len() / 2);
//!         let (x, w) = (MatRef::new(x, 1, 2)?, MatRef::new(&self.w, units, 2)?);
//!         let layer = dense::Forward { x, w, bias: None, activation: Activation::Relu };
//!         self.backends.with(|backend| dense::forward(backend, layer, MatMut::new(&mut z, 1, units)?))?;
//!         Ok(z)
//!     }
//! }
//!
//! let linear = Linear { w: vec![1.0, 2.0, -1.0, 0.0], backends: Backends::default() };
//! std::thread::scope(|threads| {
//!     for _ in 0..4 {
//!         threads.spawn(|| assert_eq!(linear.forward(&[1.0, 1.0]), Ok(vec![3.0, 0.0])));
//!     }
//! });
//! # Ok::<(), Error>(())
//! ```
//!
//! # From candle, burn, C and Python
//! `adapters/` has crates for [candle](https://github.com/huggingface/candle) (`lanegrad-candle`) and [burn](https://burn.dev)
//! (`lanegrad-burn`), with layers, losses and optimizers as these have them, and a C library (`lanegrad-c`). What a call costs beside its
//! kernel is in their READMEs.
//!
//! # From ndarray, nalgebra and faer
//! With the feature `ndarray`, `MatRef::from(array.view())` and `MatMut::try_from(array.view_mut())` take any layout that an input and an
//! output may have. nalgebra's matrices are column-major slices; those of faer have a pointer and strides:
//!
//! ```
//! use lanegrad::{Error, MatMut, MatRef, raw};
//! # mod nalgebra { // as much of these crates as this needs
//! #     pub struct DMatrix(pub Vec<f32>);
//! #     impl DMatrix {
//! #         pub fn as_slice(&self) -> &[f32] { &self.0 }
//! #         pub fn as_mut_slice(&mut self) -> &mut [f32] { &mut self.0 }
//! #         pub fn nrows(&self) -> usize { 2 }
//! #         pub fn ncols(&self) -> usize { 3 }
//! #     }
//! # }
//! # mod faer {
//! #     #[derive(Clone, Copy)] pub struct MatRef<'a>(pub &'a [f32]);
//! #     impl<'a> MatRef<'a> {
//! #         pub fn as_ptr(self) -> *const f32 { self.0.as_ptr() }
//! #         pub fn nrows(self) -> usize { 2 }
//! #         pub fn ncols(self) -> usize { 3 }
//! #         pub fn row_stride(self) -> isize { 1 }
//! #         pub fn col_stride(self) -> isize { 2 }
//! #     }
//! # }
//!
//! fn of_nalgebra(matrix: &nalgebra::DMatrix) -> Result<MatRef<'_>, Error> {
//!     Ok(MatRef::new(matrix.as_slice(), matrix.ncols(), matrix.nrows())?.t())
//! }
//!
//! fn into_nalgebra(matrix: &mut nalgebra::DMatrix) -> Result<MatMut<'_>, Error> {
//!     let (rows, cols) = (matrix.nrows(), matrix.ncols());
//!     Ok(MatMut::new(matrix.as_mut_slice(), cols, rows)?.t())
//! }
//!
//! fn of_faer(matrix: faer::MatRef<'_>) -> MatRef<'_> {
//!     let (rows, cols) = (matrix.nrows(), matrix.ncols());
//!     // SAFETY: faer guarantees for the same lifetime what a view needs.
//!     unsafe { raw::View::from_raw_parts(matrix.as_ptr(), rows, cols, matrix.row_stride(), matrix.col_stride()) }.into()
//! }
//! # let mut matrix = nalgebra::DMatrix(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
//! # assert_eq!(of_nalgebra(&matrix)?.get(1, 2), Some(6.0));
//! # assert_eq!(into_nalgebra(&mut matrix)?.cols(), 3);
//! # assert_eq!(of_faer(faer::MatRef(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])).get(0, 1), Some(3.0));
//! # Ok::<(), Error>(())
//! ```
//!
//! # A debug build of a dependent
//! Without optimisation the kernels are hundreds of times as slow: each vector operation is a call. They can be optimised by themselves, in
//! the dependent's `Cargo.toml`:
//!
//! ```toml
//! [profile.dev.package]
//! lanegrad = { opt-level = 3 }
//! lanegrad-kernels = { opt-level = 3 }
//! ```
//!
//! # Several threads
//! A backend has one thread unless it is told otherwise. It may have threads of its own, or use the host's: anything that runs tasks can be
//! made a [`Threads`](crate::Threads). With rayon's pool, where `task` is called from inside the pool:
//!
//! ```
//! use lanegrad::{Backend, Threads};
//! use std::sync::Arc;
//! # mod rayon { // as much of rayon as this needs
//! #     #[derive(Debug)] pub struct ThreadPool;
//! #     pub struct Scope;
//! #     impl ThreadPool {
//! #         pub fn current_num_threads(&self) -> usize { 2 }
//! #         pub fn in_place_scope<'s>(&self, f: impl FnOnce(&Scope)) { f(&Scope) }
//! #     }
//! #     impl Scope { pub fn spawn<'s>(&self, f: impl FnOnce(&Scope)) { f(&Scope) } }
//! # }
//!
//! #[derive(Debug)]
//! struct Rayon(rayon::ThreadPool);
//!
//! impl Threads for Rayon {
//!     fn count(&self) -> usize {
//!         self.0.current_num_threads()
//!     }
//!     fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
//!         self.0.in_place_scope(|scope| {
//!             (1..tasks).for_each(|number| scope.spawn(move |_| task(number)));
//!             task(0);
//!         });
//!     }
//! }
//!
//! let own = Backend::builder().threads(4).build()?;
//! # let pool = rayon::ThreadPool;
//! let hosts = Backend::builder().pool(Arc::new(Rayon(pool))).build()?;
//! # assert_eq!((own.threads(), hosts.threads()), (4, 2));
//! # Ok::<(), lanegrad::Error>(())
//! ```
//!
//! `verify/tests/threads.rs` runs this with rayon itself. Small operations stay on one thread, and the results are the same to the last bit.
//!
//! `verify/tests/shared_backends.rs` runs this from threads, and from tasks of a rayon pool that make nested calls.
