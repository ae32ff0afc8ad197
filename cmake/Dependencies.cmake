# Everything the project links: Debian 12 packages only (scripts/install-deps.sh installs them).
find_package(Threads REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(Protobuf REQUIRED) # module mode: Debian's package has no CMake config
find_package(Boost 1.81 REQUIRED) # headers only: Asio, Beast, System
find_package(absl CONFIG REQUIRED)
find_package(simdjson CONFIG REQUIRED)
find_package(yaml-cpp CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(OpenSSL REQUIRED)
find_library(HIREDIS_LIBRARY hiredis REQUIRED) # its pkg-config defines macros that we don't share
find_package(prometheus-cpp CONFIG REQUIRED COMPONENTS core)
