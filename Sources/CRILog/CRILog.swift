// CRILog
