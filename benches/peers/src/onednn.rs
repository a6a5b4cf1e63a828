//! Products by oneDNN, found when the program runs.

#![expect(unsafe_code, reason = "a library's functions take pointers; the views that these come from are validated")]

use crate::layer::Product;
use crate::{Error, library};
use lanegrad::MatRef;
use libloading::Library;
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::path::Path;
use std::ptr;

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
    matmuls: Option<Matmuls>,
    name: String,
    description: String,
}

/// A matrix as oneDNN takes it: numbers, `N` or `T`, and from row to row of what lies there.
fn stored(matrix: MatRef<'_>) -> (*const f32, c_char, i64) {
    if matrix.col_stride() == 1 {
        return (matrix.as_ptr(), b'N' as c_char, matrix.row_stride() as i64);
    }
    assert_eq!(matrix.row_stride(), 1, "rows or columns are contiguous");
    (matrix.as_ptr(), b'T' as c_char, matrix.col_stride() as i64)
}

impl OneDnn {
    pub(crate) fn load(file: &Path) -> Result<Self, Error> {
        let library = library::load("oneDNN", file)?;
        // SAFETY: oneDNN's headers have this type for it, in versions 1 to 3.
        let sgemm = unsafe { library.get::<Sgemm>("dnnl_sgemm") };
        let sgemm = *sgemm.map_err(|_| format!("oneDNN: {} has no dnnl_sgemm", file.display()))?;
        let matmuls = Matmuls::new(library).ok();
        let functions = if matmuls.is_some() { "dnnl_sgemm and dnnl_matmul" } else { "dnnl_sgemm" };
        let (name, description) = describe(library);
        Ok(Self { sgemm, matmuls, name, description: format!("{description}, {functions}") })
    }

    /// A product made ready for these shapes, fused with bias and ReLU or not; `None` where the library has none.
    pub(crate) fn matmul(&self, product: &Product<'_>, fused: bool) -> Option<Matmul<'_>> {
        self.matmuls.as_ref()?.matmul(product, fused).ok()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn description(&self) -> String {
        self.description.clone()
    }

    /// `C = A·B`
    pub(crate) fn multiply(&self, Product { a, b, mut c }: Product<'_>) {
        let (m, n, k) = (c.rows(), c.cols(), a.cols());
        assert_eq!((a.rows(), b.rows(), b.cols()), (m, k, n), "the shapes fit");
        let ((a, a_flag, a_stride), (b, b_flag, b_stride)) = (stored(a), stored(b));
        let c_stride = c.row_stride();
        let (m, n, k) = (m as i64, n as i64, k as i64);
        // SAFETY: the views' constructors have checked that every element (i, j) of A, B and C lies inside its slice; those of
        // C are distinct and borrowed for writing. With β = 0, C is not read.
        let status = unsafe {
            (self.sgemm)(a_flag, b_flag, m, n, k, 1.0, a, a_stride, b, b_stride, 0.0, c.as_mut_ptr(), c_stride as i64)
        };
        assert_eq!(status, 0, "oneDNN computes the product");
    }
}

/// What oneDNN calls an engine, a stream, a description, …: a pointer that only it looks behind.
type Handle = *mut c_void;
type Sizes = [i64; 12];

/// The functions around oneDNN's matrix product that has an epilogue, as of version 3, and where it runs.
struct Matmuls {
    describe_matrix: unsafe extern "C" fn(*mut Handle, c_int, *const i64, c_int, *const i64) -> c_int,
    describe_matmul: unsafe extern "C" fn(*mut Handle, Handle, Handle, Handle, Handle, Handle, Handle) -> c_int,
    create_matmul: unsafe extern "C" fn(*mut Handle, Handle) -> c_int,
    create_matrix: unsafe extern "C" fn(*mut Handle, Handle, Handle, *mut c_void) -> c_int,
    set_data: unsafe extern "C" fn(Handle, *mut c_void) -> c_int,
    create_attributes: unsafe extern "C" fn(*mut Handle) -> c_int,
    create_epilogue: unsafe extern "C" fn(*mut Handle) -> c_int,
    append_function: unsafe extern "C" fn(Handle, c_int, f32, f32) -> c_int,
    set_epilogue: unsafe extern "C" fn(Handle, Handle) -> c_int,
    execute: unsafe extern "C" fn(Handle, Handle, c_int, *const Argument) -> c_int,
    wait: unsafe extern "C" fn(Handle) -> c_int,
    engine: Handle,
    stream: Handle,
}

/// A product that is ready; what it is made of lives as long as the program.
pub(crate) struct Matmul<'a> {
    matmuls: &'a Matmuls,
    primitive: Handle,
    arguments: Vec<Argument>,
}

/// `dnnl_exec_arg_t`
#[repr(C)]
#[derive(Clone, Copy)]
struct Argument {
    role: c_int,
    matrix: Handle,
}

const CPU: c_int = 1;
const IN_ORDER: c_uint = 1;
const F32: c_int = 3;
const RELU: c_int = 0x20;
const SOURCE: c_int = 1;
const WEIGHTS: c_int = 33;
const BIAS: c_int = 41;
const DESTINATION: c_int = 17;

/// The library has no such function, or refused.
struct Refusal;

/// Calls a function that writes a handle first.
fn create(call: impl FnOnce(*mut Handle) -> c_int) -> Result<Handle, Refusal> {
    let mut handle = ptr::null_mut();
    match call(&mut handle) {
        0 => Ok(handle),
        _ => Err(Refusal),
    }
}

fn check(status: c_int) -> Result<(), Refusal> {
    if status == 0 { Ok(()) } else { Err(Refusal) }
}

impl Matmuls {
    fn new(library: &'static Library) -> Result<Self, Refusal> {
        type CreateEngine = unsafe extern "C" fn(*mut Handle, c_int, usize) -> c_int;
        type CreateStream = unsafe extern "C" fn(*mut Handle, Handle, c_uint) -> c_int;
        /// A function of the library, of the type that oneDNN's headers have for it.
        macro_rules! function {
            ($name:literal) => {
                // SAFETY: the types are those of oneDNN's headers, version 3; version 2 has no function of the second name.
                *unsafe { library.get($name) }.map_err(|_| Refusal)?
            };
        }
        let describe_matmul = function!("dnnl_matmul_primitive_desc_create");
        let create_engine: CreateEngine = function!("dnnl_engine_create");
        let create_stream: CreateStream = function!("dnnl_stream_create");
        // SAFETY: they write one handle each.
        let engine = create(|engine| unsafe { create_engine(engine, CPU, 0) })?;
        // SAFETY: as above.
        let stream = create(|stream| unsafe { create_stream(stream, engine, IN_ORDER) })?;
        Ok(Self {
            describe_matrix: function!("dnnl_memory_desc_create_with_strides"),
            describe_matmul,
            create_matmul: function!("dnnl_primitive_create"),
            create_matrix: function!("dnnl_memory_create"),
            set_data: function!("dnnl_memory_set_data_handle"),
            create_attributes: function!("dnnl_primitive_attr_create"),
            create_epilogue: function!("dnnl_post_ops_create"),
            append_function: function!("dnnl_post_ops_append_eltwise"),
            set_epilogue: function!("dnnl_primitive_attr_set_post_ops"),
            execute: function!("dnnl_primitive_execute"),
            wait: function!("dnnl_stream_wait"),
            engine,
            stream,
        })
    }

    fn matmul(&self, Product { a, b, c }: &Product<'_>, fused: bool) -> Result<Matmul<'_>, Refusal> {
        let strides = |matrix: &MatRef<'_>| (matrix.row_stride(), matrix.col_stride());
        let columns = c.cols();
        let a = self.describe((a.rows(), a.cols()), strides(a))?;
        let b = self.describe((b.rows(), b.cols()), strides(b))?;
        let c = self.describe((c.rows(), columns), (c.row_stride(), 1))?;
        let bias = if fused { Some(self.describe((1, columns), (columns as isize, 1))?) } else { None };
        // SAFETY: handles are the library's own, of the kinds that its functions take; none, where it may be none, is null.
        unsafe {
            let attributes = create(|attributes| (self.create_attributes)(attributes))?;
            if fused {
                let epilogue = create(|epilogue| (self.create_epilogue)(epilogue))?;
                check((self.append_function)(epilogue, RELU, 0.0, 0.0))?;
                check((self.set_epilogue)(attributes, epilogue))?;
            }
            let no_bias = ptr::null_mut();
            let description = create(|description| {
                (self.describe_matmul)(description, self.engine, a, b, bias.unwrap_or(no_bias), c, attributes)
            })?;
            let primitive = create(|primitive| (self.create_matmul)(primitive, description))?;
            let matrices = [(SOURCE, Some(a)), (WEIGHTS, Some(b)), (DESTINATION, Some(c)), (BIAS, bias)];
            let arguments = matrices.into_iter().filter_map(|(role, description)| {
                let description = description?;
                let matrix = create(|matrix| (self.create_matrix)(matrix, description, self.engine, ptr::null_mut()));
                Some(matrix.map(|matrix| Argument { role, matrix }))
            });
            Ok(Matmul { matmuls: self, primitive, arguments: arguments.collect::<Result<_, _>>()? })
        }
    }

    fn describe(&self, (rows, cols): (usize, usize), (row, col): (isize, isize)) -> Result<Handle, Refusal> {
        let pair = |first: i64, second: i64| -> Sizes {
            std::array::from_fn(|i| [first, second].get(i).map_or(0, |&size| size))
        };
        let (sizes, strides) = (pair(rows as i64, cols as i64), pair(row as i64, col as i64));
        // SAFETY: both arrays have the twelve numbers that the library reads at most.
        create(|handle| unsafe { (self.describe_matrix)(handle, 2, sizes.as_ptr(), F32, strides.as_ptr()) })
    }
}

impl Matmul<'_> {
    /// `C = A·B`, or `C = relu(A·B + bias)` if it was made so.
    pub(crate) fn run(&self, Product { a, b, mut c }: Product<'_>, bias: &[f32]) {
        let data = [a.as_ptr(), b.as_ptr(), c.as_mut_ptr().cast_const(), bias.as_ptr()];
        let mut statuses = 0;
        // SAFETY: the matrices have the shapes and strides that it was made for, and their views' constructors have checked
        // that every element lies inside its slice; only C is written to, and it is borrowed for that. Handles are the library's.
        unsafe {
            for (argument, data) in self.arguments.iter().zip(data) {
                statuses |= (self.matmuls.set_data)(argument.matrix, data.cast_mut().cast());
            }
            let count = self.arguments.len() as c_int;
            statuses |= (self.matmuls.execute)(self.primitive, self.matmuls.stream, count, self.arguments.as_ptr());
            statuses |= (self.matmuls.wait)(self.matmuls.stream);
        }
        assert_eq!(statuses, 0, "oneDNN computes the product");
    }
}

/// A name with the version, so that there can be two of them, and the rest that it tells of itself.
fn describe(library: &Library) -> (String, String) {
    type GetVersion = unsafe extern "C" fn() -> *const Version;
    type GetIsa = unsafe extern "C" fn() -> c_int;
    // SAFETY: oneDNN's headers have these types for them; the version is a constant of the library.
    let (version, isa) = unsafe {
        let version = library.get::<GetVersion>("dnnl_version").ok().and_then(|version| version().as_ref());
        let isa = library.get::<GetIsa>("dnnl_get_effective_cpu_isa").ok().map(|isa| isa());
        (version, isa)
    };
    let Some(&Version { major, minor, patch, cpu_runtime, .. }) = version else {
        return ("oneDNN".to_owned(), "tells no version".to_owned());
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
    (format!("oneDNN-{major}.{minor}"), format!("{major}.{minor}.{patch}, {isa}, {runtime}"))
}
