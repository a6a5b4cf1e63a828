//! Products by oneDNN, found when the program runs.

#![expect(unsafe_code, reason = "a library's functions take pointers; the views that these come from are validated")]

use crate::{Error, library};
use lanegrad::{MatMut, MatRef};
use libloading::Library;
use std::ffi::{c_char, c_int, c_uint};
use std::path::Path;

/// Row-major, as oneDNN has it; sizes are 64-bit.
type Sgemm = unsafe extern "C" fn(
    a_transposed: c_char,
    b_transposed: c_char,
    m: i64,
    n: i64,
    k: i64,
    alpha: f32,
    a: *const f32,
    a_stride: i64,
    b: *const f32,
    b_stride: i64,
    beta: f32,
    c: *mut f32,
    c_stride: i64,
) -> c_int;

/// The beginning of `dnnl_version_t`.
#[repr(C)]
struct Version {
    major: c_int,
    minor: c_int,
    patch: c_int,
    hash: *const c_char,
    cpu_runtime: c_uint,
}

/// The library, loaded.
pub(crate) struct OneDnn {
    sgemm: Sgemm,
    description: String,
}

/// A matrix as oneDNN takes it: numbers, `N` or `T`, and from row to row of what lies there.
fn stored(matrix: MatRef<'_>) -> (*const f32, c_char, i64) {
    let (data, row_stride, col_stride) = matrix.parts();
    if col_stride == 1 {
        return (data.as_ptr(), b'N' as c_char, row_stride as i64);
    }
    assert_eq!(row_stride, 1, "rows or columns are contiguous");
    (data.as_ptr(), b'T' as c_char, col_stride as i64)
}

impl OneDnn {
    pub(crate) fn load(file: &Path) -> Result<Self, Error> {
        let library = library::load("oneDNN", file)?;
        // SAFETY: oneDNN's headers have this type for it, in versions 1 to 3.
        let sgemm = unsafe { library.get::<Sgemm>("dnnl_sgemm") };
        let sgemm = *sgemm.map_err(|_| format!("oneDNN: {} has no dnnl_sgemm", file.display()))?;
        Ok(Self { sgemm, description: describe(library) })
    }

    pub(crate) fn description(&self) -> String {
        self.description.clone()
    }

    /// `C = A·B`
    pub(crate) fn multiply(&self, a: MatRef<'_>, b: MatRef<'_>, c: MatMut<'_>) {
        let (m, n, k) = (c.rows(), c.cols(), a.cols());
        assert_eq!((a.rows(), b.rows(), b.cols()), (m, k, n), "the shapes fit");
        let ((a, a_flag, a_stride), (b, b_flag, b_stride)) = (stored(a), stored(b));
        let (c, c_stride) = c.into_parts();
        let (m, n, k) = (m as i64, n as i64, k as i64);
        // SAFETY: the views' constructors have checked that every element (i, j) of A, B and C lies inside its slice; those of
        // C are distinct and borrowed for writing. With β = 0, C is not read.
        let status = unsafe {
            (self.sgemm)(a_flag, b_flag, m, n, k, 1.0, a, a_stride, b, b_stride, 0.0, c.as_mut_ptr(), c_stride as i64)
        };
        assert_eq!(status, 0, "oneDNN computes the product");
    }
}

fn describe(library: &Library) -> String {
    type GetVersion = unsafe extern "C" fn() -> *const Version;
    type GetIsa = unsafe extern "C" fn() -> c_int;
    // SAFETY: oneDNN's headers have these types for them; the version is a constant of the library.
    let (version, isa) = unsafe {
        let version = library.get::<GetVersion>("dnnl_version").ok().and_then(|version| version().as_ref());
        let isa = library.get::<GetIsa>("dnnl_get_effective_cpu_isa").ok().map(|isa| isa());
        (version, isa)
    };
    let Some(&Version { major, minor, patch, cpu_runtime, .. }) = version else {
        return "tells no version".to_owned();
    };
    let runtime = match cpu_runtime {
        1 => "sequential",
        2 => "OpenMP",
        4 => "TBB (threads: as many as the process may run on)",
        256 => "thread pool",
        512 => "SYCL (threads: as many as the process may run on)",
        _ => "unknown runtime",
    };
    let isa = match isa {
        Some(0x1) => "SSE4.1",
        Some(0x3) => "AVX",
        Some(0x7) => "AVX2",
        Some(0xf | 0x20007) => "AVX2-VNNI",
        Some(0x27 | 0x2f) => "AVX-512",
        Some(_) => "another kernel",
        None => "tells no kernel",
    };
    format!("{major}.{minor}.{patch}, {isa}, {runtime}")
}
