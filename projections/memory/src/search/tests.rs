mod hybrid;
mod lexical;
