//! Products by any library with the C interface of the BLAS, found when the program runs.

#![expect(unsafe_code, reason = "a library's functions take pointers; the views that these come from are validated")]

use crate::layer::Product;
use crate::{Error, library};
use lanegrad::MatRef;
use libloading::Library;
use std::ffi::{CStr, c_char, c_int};
use std::path::PathBuf;
use std::str::FromStr;

/// Where a library is, and how its names begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    name: String,
    file: PathBuf,
    prefix: String,
}

impl FromStr for Source {
    type Err = String;

    /// `NAME=FILE[:PREFIX]`
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, place) = text.split_once('=').ok_or("expected NAME=FILE[:PREFIX]")?;
        let is_prefix = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let (file, prefix) = match place.rsplit_once(':') {
            Some((file, prefix)) if is_prefix(prefix) => (file, prefix),
            _ => (place, ""),
        };
        if name.is_empty() || file.is_empty() {
            return Err("expected NAME=FILE[:PREFIX]".to_owned());
        }
        Ok(Self { name: name.to_owned(), file: file.into(), prefix: prefix.to_owned() })
    }
}

const ROW_MAJOR: c_int = 101;
const AS_IT_IS: c_int = 111;
const TRANSPOSED: c_int = 112;

type Sgemm = unsafe extern "C" fn(
    order: c_int,
    a_transposed: c_int,
    b_transposed: c_int,
    m: c_int,
    n: c_int,
    k: c_int,
    alpha: f32,
    a: *const f32,
    a_stride: c_int,
    b: *const f32,
    b_stride: c_int,
    beta: f32,
    c: *mut f32,
    c_stride: c_int,
);

type Sgemv = unsafe extern "C" fn(
    order: c_int,
    transposed: c_int,
    rows: c_int,
    columns: c_int,
    alpha: f32,
    a: *const f32,
    a_stride: c_int,
    x: *const f32,
    x_step: c_int,
    beta: f32,
    y: *mut f32,
    y_step: c_int,
);

type Sger = unsafe extern "C" fn(
    order: c_int,
    rows: c_int,
    columns: c_int,
    alpha: f32,
    x: *const f32,
    x_step: c_int,
    y: *const f32,
    y_step: c_int,
    a: *mut f32,
    a_stride: c_int,
);

/// A library that is loaded.
pub(crate) struct Blas {
    name: String,
    sgemm: Sgemm,
    sgemv: Sgemv,
    sger: Option<Sger>,
    description: String,
}

/// A matrix as the BLAS takes it: numbers, whether what lies there row by row is the transpose, and from row to row.
struct Stored {
    data: *const f32,
    transposed: bool,
    stride: isize,
}

impl Stored {
    fn new(matrix: MatRef<'_>) -> Self {
        let (data, row_stride, col_stride) = (matrix.as_ptr(), matrix.row_stride(), matrix.col_stride());
        if col_stride == 1 {
            return Self { data, transposed: false, stride: row_stride };
        }
        assert_eq!(row_stride, 1, "rows or columns are contiguous");
        Self { data, transposed: true, stride: col_stride }
    }

    fn flag(&self) -> c_int {
        if self.transposed { TRANSPOSED } else { AS_IT_IS }
    }
}

impl Blas {
    pub(crate) fn load(source: &Source) -> Result<Self, Error> {
        let Source { name, file, prefix } = source;
        let library = library::load(name, file)?;
        let missing = |symbol: &str| format!("{name}: {} has no {prefix}{symbol}", file.display());
        // SAFETY: a symbol of that name has that type in every library with the C interface of the BLAS and 32-bit integers.
        // Whether they are 32-bit cannot be asked; 64-bit ones would be passed in the same registers, with the upper half as
        // it happens to be, and on the stack: the first product is compared with ours before anything is measured.
        let (sgemm, sgemv) = unsafe {
            (
                *library.get::<Sgemm>(format!("{prefix}cblas_sgemm")).map_err(|_| missing("cblas_sgemm"))?,
                *library.get::<Sgemv>(format!("{prefix}cblas_sgemv")).map_err(|_| missing("cblas_sgemv"))?,
            )
        };
        // SAFETY: as above.
        let sger = unsafe { library.get::<Sger>(format!("{prefix}cblas_sger")) }.ok().map(|sger| *sger);
        let description = describe(library, prefix).unwrap_or_else(|| "tells neither version nor kernel".to_owned());
        Ok(Self { name: name.clone(), sgemm, sgemv, sger, description })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn description(&self) -> String {
        self.description.clone()
    }

    /// `C = A·B`
    pub(crate) fn matrix_times_matrix(&self, Product { a, b, mut c }: Product<'_>) {
        let (m, n, k) = (c.rows(), c.cols(), a.cols());
        assert_eq!((a.rows(), b.rows(), b.cols()), (m, k, n), "the shapes fit");
        let (a, b) = (Stored::new(a), Stored::new(b));
        let c_stride = c.row_stride();
        // SAFETY: the views' constructors have checked that every element (i, j) of A, B and C lies inside its slice; those of
        // C are distinct and borrowed for writing. With β = 0, C is not read.
        unsafe {
            (self.sgemm)(
                ROW_MAJOR,
                a.flag(),
                b.flag(),
                int(m),
                int(n),
                int(k),
                1.0,
                a.data,
                int(a.stride),
                b.data,
                int(b.stride),
                0.0,
                c.as_mut_ptr(),
                int(c_stride),
            );
        }
    }

    /// Whether it can add the product of a column and a row to a matrix.
    pub(crate) fn has_outer(&self) -> bool {
        self.sger.is_some()
    }

    /// `C = A·B` where A is one column and B one row.
    pub(crate) fn column_times_row(&self, Product { a, b, mut c }: Product<'_>) {
        let (m, n) = (c.rows(), c.cols());
        assert_eq!((a.rows(), a.cols(), b.rows(), b.cols()), (m, 1, 1, n), "the shapes fit");
        let sger = self.sger.expect("it was asked whether it can");
        let (a_step, b_step, c_stride) = (a.row_stride(), b.col_stride(), c.row_stride());
        // It adds.
        (0..m).for_each(|i| c.row_mut(i).expect("C's rows are contiguous").fill(0.0));
        let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
        // SAFETY: as above; C holds zeros.
        unsafe { sger(ROW_MAJOR, int(m), int(n), 1.0, a, int(a_step), b, int(b_step), c, int(c_stride)) };
    }

    /// `C = A·B` where A and C are one row: `c = Bᵀ·a`.
    pub(crate) fn vector_times_matrix(&self, Product { a, b, mut c }: Product<'_>) {
        let (n, k) = (c.cols(), a.cols());
        assert_eq!((c.rows(), a.rows(), b.rows(), b.cols()), (1, 1, k, n), "the shapes fit");
        let a_step = a.col_stride();
        let b = Stored::new(b);
        let (transposed, rows, columns) = if b.transposed { (AS_IT_IS, n, k) } else { (TRANSPOSED, k, n) };
        // SAFETY: as above.
        unsafe {
            (self.sgemv)(
                ROW_MAJOR,
                transposed,
                int(rows),
                int(columns),
                1.0,
                b.data,
                int(b.stride),
                a.as_ptr(),
                int(a_step),
                0.0,
                c.as_mut_ptr(),
                1,
            );
        }
    }
}

/// The command line keeps sizes small.
fn int(size: impl TryInto<c_int>) -> c_int {
    size.try_into().ok().expect("a size is small")
}

/// What OpenBLAS, MKL and BLIS tell of themselves, each in its own way.
fn describe(library: &Library, prefix: &str) -> Option<String> {
    type Text = unsafe extern "C" fn() -> *const c_char;
    type Number = unsafe extern "C" fn() -> c_int;
    type NumberText = unsafe extern "C" fn(c_int) -> *const c_char;
    type Fill = unsafe extern "C" fn(*mut c_char, c_int);
    let owned = |text: *const c_char| {
        // SAFETY: these functions return a null pointer, or a string that stays where it is.
        (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().trim().to_owned())
    };
    let text = |symbol: String| {
        // SAFETY: in the libraries that have a function of one of the names below, it takes nothing and returns a string.
        owned(unsafe { library.get::<Text>(symbol).ok()?() })
    };
    let config = text(format!("{prefix}openblas_get_config"));
    let core = text(format!("{prefix}openblas_get_corename"));
    if let (Some(config), Some(core)) = (config, core) {
        // The configuration of a build for many processors names one more, that of the machine it was built on.
        let version: Vec<&str> = config.split_whitespace().take(2).collect();
        return Some(format!("{}, kernel {core}", version.join(" ")));
    }
    // SAFETY: MKL's documentation has this type for it: it writes at most so many characters and ends them with a zero.
    if let Ok(fill) = unsafe { library.get::<Fill>("mkl_get_version_string") } {
        let mut buffer = [0 as c_char; 256];
        // SAFETY: as above; the last character stays zero.
        unsafe { fill(buffer.as_mut_ptr(), 255) };
        return owned(buffer.as_ptr());
    }
    let version = text("bli_info_get_version_str".to_owned())?;
    // SAFETY: BLIS's headers have these types for them; `arch_t` is an enumeration.
    let architecture = unsafe {
        let id = library.get::<Number>("bli_arch_query_id").ok();
        let name = library.get::<NumberText>("bli_arch_string").ok();
        id.zip(name).and_then(|(id, name)| owned(name(id())))
    };
    Some(format!("BLIS {version}, kernel {}", architecture.as_deref().unwrap_or("unknown")))
}

#[cfg(test)]
mod tests {
    use super::Source;

    fn source(name: &str, file: &str, prefix: &str) -> Result<Source, String> {
        Ok(Source { name: name.to_owned(), file: file.into(), prefix: prefix.to_owned() })
    }

    #[test]
    fn a_source_has_a_name_a_file_and_perhaps_a_prefix() {
        assert_eq!("mkl=libmkl_rt.so".parse(), source("mkl", "libmkl_rt.so", ""));
        assert_eq!("openblas=/a/libopenblas.so:scipy_".parse(), source("openblas", "/a/libopenblas.so", "scipy_"));
        assert_eq!(r"mkl=C:\mkl_rt.dll".parse(), source("mkl", r"C:\mkl_rt.dll", ""));
        assert!("libmkl_rt.so".parse::<Source>().is_err());
        assert!("=libmkl_rt.so".parse::<Source>().is_err());
    }
}
