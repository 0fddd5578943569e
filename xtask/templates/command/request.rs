
/// `POST /__context__/{id}/__verb__`
struct __Command__Request;

web::body! {
    /// What `__command__` changes.
    #[schema(title = "__Command__", example = json!({ __examples__ }))]
    pub(crate) struct __Command__Body {
        /// The new __field__. // each field
        #[schema(min_length = 1, max_length = 200)] // each field
        __field__: required __Field__ = __Field__::parse, // each field
    }
}

impl CommandRequest for __Command__Request {
    type Message = __Command__;
    type Sender = __By__;
    type Path = PathId;
    type Body = __Command__Body;
    type View = __Entity__View;

    const SUMMARY: &'static str = "__Command_words__";
    const REJECTIONS: &'static [(&'static dyn DomainError, &'static str)] = &[(&NoSuch__Entity__, "")];

    fn read(&self, input: Input<'_, Self>) -> Result<__Command__, Problem> {
        let __pattern__ = input.fields.finish(__whole__)?;
        Ok(__Command__ {
            id: __Id__::new(input.path.0),
            __field__, // each field
        })
    }
}
