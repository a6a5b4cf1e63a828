//! The command `plan`: prints how products are computed.

use crate::command_line::PlanFlags;
use lanegrad_verify::plans::{Planned, bodies};
use std::io::{self, Write};

/// Prints the plans that the flags describe, one line each.
pub(crate) fn print(flags: &PlanFlags, out: &mut impl Write) -> io::Result<()> {
    for (layer, (isa, lowering)) in flags.layers.iter().flat_map(|layer| flags.lowerings().map(move |isa| (layer, isa)))
    {
        let [batch, inputs, outputs] = layer;
        writeln!(out, "{batch} × {inputs} → {outputs} on {isa}")?;
        for operation in flags.operations() {
            let planned = Planned::new(lowering, operation, *layer);
            write!(out, "  {:<8}  {planned}", operation.name())?;
            match planned.grid(lowering, flags.threads) {
                Some(grid) => {
                    writeln!(out, "; {} blocks of {}×{}", grid.blocks(), grid.block_rows, grid.block_columns)?
                }
                None => writeln!(out)?,
            }
        }
    }
    if flags.bodies {
        let mut sum = 0;
        for (isa, lowering) in flags.lowerings() {
            let count = bodies(lowering).count();
            sum += count;
            writeln!(out, "{isa:<8}  {count:>3} micro-kernels")?;
        }
        writeln!(out, "{:<8}  {sum:>3}", "together")?;
    }
    Ok(())
}
