# find_package(mcpbridge): gives mcpbridge::client.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(gRPC CONFIG)
find_dependency(Protobuf)
include(${CMAKE_CURRENT_LIST_DIR}/mcpbridge-targets.cmake)
