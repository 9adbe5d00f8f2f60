// TTRPCLoop
