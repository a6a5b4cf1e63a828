//! Records and initial values are those of burn's own layers.

use crate::tensors::{bits, elements};
use burn::module::Module;
use burn::nn;
use burn::store::ModuleRecord;
use burn::tensor::{Device, Tensor};
use lanegrad_burn::{Linear, LinearConfig};

#[test]
fn records_are_those_of_burns_layers() {
    let device = Device::flex().autodiff();
    let burns = nn::LinearConfig::new(6, 5).init(&device);
    let bytes = burns.clone().into_record().into_bytes().unwrap();
    let layer = LinearConfig::new(6, 5).init(&device).load_record(ModuleRecord::from_bytes(bytes).unwrap());
    assert_eq!(bits(layer.weight.val()), bits(burns.weight.val()));
    let bytes = layer.clone().into_record().into_bytes().unwrap();
    let back = nn::LinearConfig::new(6, 5).init(&device).load_record(ModuleRecord::from_bytes(bytes).unwrap());
    assert_eq!(bits(back.bias.unwrap().val()), bits(burns.bias.clone().unwrap().val()));
    assert_eq!(layer.num_params(), burns.num_params());
    let ours = Linear::from(burns);
    assert_eq!(ours.to_string(), "Linear {d_input: 6, d_output: 5, bias: true, activation: Identity, params: 35}");
}

#[test]
fn the_initial_distribution_is_burns() {
    let device = Device::flex();
    device.seed(7);
    let burns = nn::LinearConfig::new(6, 5).init(&device).weight.val();
    device.seed(7);
    let ours = LinearConfig::new(6, 5).init(&device).weight.val();
    let bound = 1.0 / 6_f32.sqrt();
    for tensor in [&burns, &ours] {
        assert!(elements::<2>(Tensor::clone(tensor)).iter().all(|w| w.abs() <= bound));
    }
}
