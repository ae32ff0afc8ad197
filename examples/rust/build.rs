//! Makes the stubs of proto/mcpbridge/v1. Needs protoc.

fn main() -> std::io::Result<()> {
    tonic_prost_build::configure()
        .build_server(false)
        .compile_protos(&["mcpbridge/v1/tool_service.proto"], &["../../proto"])
}
