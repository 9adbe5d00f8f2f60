/// The version of the project, as every program prints it and the protocols tell it.
package let swiftletVersion = "0.1.0"
